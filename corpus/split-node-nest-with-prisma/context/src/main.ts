import { NestFactory } from '@nestjs/core'
import { PrismaClient } from '@prisma/client'
import { hash } from 'bcrypt'
import { AppModule } from './app.module'

NestFactory.create(AppModule).then((app) => app.listen(3000))
